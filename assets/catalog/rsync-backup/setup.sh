printf '%s\n' {{ secrets.lab_backup }} | put_text /etc/sandtable/{{ service.slug }}/key 0600 root:root
{
    :
{%- for to in upstreams if to.public.host_key is defined %}
    printf '%s %s\n' {{ to.node|lower }} {{ to.public.host_key }}
{%- endfor %}
} | put_text /etc/sandtable/{{ service.slug }}/known_hosts 0600 root:root
{% if not upstreams|selectattr("kind", "equalto", "sshd")|list -%}
say "copies nothing: draw a flow from it to the ssh service of each node whose folders it is to copy"
{% endif -%}
