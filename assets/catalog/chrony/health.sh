tracking=$(timeout 2 chronyc -h /run/chrony/{{ service.slug }}.sock -c tracking 2> /dev/null) || { echo "chronyd does not answer"; exit 1; }
old=$IFS
IFS=,
set -- $tracking
IFS=$old
if [ "${3:-0}" -gt 0 ] && [ "${14:-}" != "Not synchronised" ]; then
    echo "stratum $3"
else
    echo "has no clock to go by yet"
    exit 2
fi
