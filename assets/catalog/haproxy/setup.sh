{% if settings.tls -%}
# It reads certificate and key from one file, as root, before it gives up its rights.
cat {{ tls.certificate }} {{ tls.key }} | put_text /etc/sandtable/{{ service.slug }}/bundle.pem 0600 root:root
{% else -%}
:
{% endif -%}
