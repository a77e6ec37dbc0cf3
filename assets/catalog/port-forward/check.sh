{%- for rule in settings.rules %}
{%- if not (named | selectattr("port") | list) %}
fail {{ "The rule " ~ rule ~ " leads to no service of this lab that has a port." }}
{%- endif %}
{%- endfor %}
nft -c -f /etc/sandtable/{{ service.slug }}/forward.nft || fail "nftables does not take forward.nft; see the line above."
