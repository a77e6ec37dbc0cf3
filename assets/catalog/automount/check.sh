sh -n /etc/sandtable/{{ service.slug }}/mount
case {{ settings.map }} in
    /?*) ;;
    *) fail "Homes cannot appear at "{{ settings.map }}": that is no folder's full name." ;;
esac
