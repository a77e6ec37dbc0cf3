{% if settings.tls -%}
folder=/etc/sandtable/{{ service.slug }}
put_text "$folder/authority.pem" 0644 root:root <{{ tls.authority }}
put_text "$folder/certificate.pem" 0644 root:root <{{ tls.certificate }}
put_text "$folder/key.pem" 0640 root:{{ paths.group }} <{{ tls.key }}
{% else -%}
:
{% endif -%}
