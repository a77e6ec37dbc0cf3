wg show {{ service.slug[:15] }} public-key > /dev/null
