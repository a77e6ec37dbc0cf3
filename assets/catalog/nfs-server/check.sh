for folder in {{ settings.exports }}; do
    case $folder in
        /*) ;;
        *) fail "$folder cannot be exported: it does not begin with a slash." ;;
    esac
done
sh -n /etc/sandtable/{{ service.slug }}/serve
if [ "$(/etc/sandtable/{{ service.slug }}/serve which)" = kernel ]; then
    exportfs -f 2> /dev/null || true
fi
