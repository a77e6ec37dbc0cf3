last=/var/lib/sandtable/{{ service.slug }}/last
if [ -e "$last" ]; then
    read -r word when took _ <"$last"
    echo "last $word"
    echo "age-secs $(($(date +%s) - when))"
    echo "took-secs $took"
fi
echo "copies $(find {{ settings.into }} -mindepth 2 -maxdepth 2 -type d -name '[0-9]*Z' 2>/dev/null | wc -l)"
