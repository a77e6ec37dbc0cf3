map={{ settings.map }}
if [ "$(stat -f -c %T "$map" 2> /dev/null)" = autofs ]; then
    echo "in-kernel 1"
    echo "mounted $(awk -v map="$map/" 'index($2, map) == 1' /proc/mounts | wc -l)"
else
    echo "in-kernel 0"
    echo "mounted $(timeout 1 ls "$map" 2> /dev/null | wc -l)"
fi
