printf '%s\n' {{ secrets.lab_backup }} | put_text /etc/sandtable/{{ service.slug }}/key 0600 root:root
{% if not upstreams|selectattr("kind", "equalto", "sshd")|list -%}
say "copies nothing: draw a flow from it to the ssh service of each node whose folders it is to copy"
{% endif -%}
