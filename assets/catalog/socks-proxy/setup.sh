{%- if not upstreams and not settings.via %}
fail "It goes nowhere: draw a flow from it to an ssh service, or name a node in its setting via."
{%- endif %}
printf '%s\n' {{ secrets.lab_ssh }} | put_text /etc/sandtable/{{ service.slug }}/key 0600 root:root
{%- if upstreams and upstreams[0].public.host_key is defined %}
printf '%s %s\n' {{ upstreams[0].node|lower }} {{ upstreams[0].public.host_key }} | put_text /etc/sandtable/{{ service.slug }}/known_hosts 0600 root:root
{%- endif %}
