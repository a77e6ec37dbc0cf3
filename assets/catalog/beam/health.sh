answer=$(curl -sf -m 2 --unix-socket /run/sandtable-{{ service.slug }}/mesh.sock http://mesh/health 2> /dev/null) || { echo "the node does not answer"; exit 1; }
echo "${answer#* }"
case $answer in
    healthy*) exit 0 ;;
    degraded*) exit 2 ;;
    *) exit 1 ;;
esac
