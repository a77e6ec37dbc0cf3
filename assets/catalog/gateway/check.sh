for file in route stopped; do
    nft -c -f /etc/sandtable/{{ service.slug }}/$file.nft || fail "nftables does not take $file.nft; see the line above."
done
