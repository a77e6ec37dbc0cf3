nft list chain ip sandtable_{{ service.slug }} lead 2> /dev/null \
    | awk '{ for (i = 1; i < NF; i++) if ($i == "packets") sum += $(i + 1) } END { print "connections-led", sum + 0 }'
