{%- for rule in settings.rules %}
{%- set found = namespace(any=false) %}
{%- for peer in named if peer.port and rule == (rule | split(":") | first) ~ ":" ~ peer.node ~ "/" ~ peer.service %}{% set found.any = true %}{% endfor %}
{%- if not found.any %}
fail {{ "The rule " ~ rule ~ " leads to no service of this lab that has a port." }}
{%- endif %}
{%- endfor %}
nft -c -f /etc/sandtable/{{ service.slug }}/forward.nft || fail "nftables does not take forward.nft; see the line above."
