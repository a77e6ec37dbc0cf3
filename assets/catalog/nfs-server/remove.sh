rm -rf /etc/sandtable/{{ service.slug }} /run/sandtable-{{ service.slug }}-ganesha.pid /run/sandtable-{{ service.slug }}.kind
{%- if settings.tmpfs %}
for folder in {{ settings.exports }}; do
    ! mountpoint -q "$folder" || umount "$folder" || true
done
{%- endif %}
