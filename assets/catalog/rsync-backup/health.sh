systemctl is-active --quiet {{ unit }} || { echo "its timer does not run"; exit 1; }
last=/var/lib/sandtable/{{ service.slug }}/last
[ -e "$last" ] || { echo "no copy is due yet"; exit 0; }
read -r word when _ why <"$last"
[ "$word" = good ] || { echo "the last copy failed: $why"; exit 2; }
echo "copied $(($(date +%s) - when)) s ago"
