rm -rf /etc/sandtable/{{ service.slug }} /run/sandtable-{{ service.slug }}-ganesha.pid
{%- if settings.tmpfs %}
for folder in {{ settings.exports }}; do
    ! mountpoint -q "$folder" || umount "$folder" || true
done
{%- endif %}
