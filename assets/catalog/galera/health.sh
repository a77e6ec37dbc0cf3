state=$(timeout 2 mariadb --protocol=socket --connect-timeout=1 -N -B -e "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_cluster_status', 'wsrep_local_state', 'wsrep_local_state_comment', 'wsrep_cluster_size')" 2>&1) || {
    echo "does not answer: $state"
    exit 1
}
part= ready= number= word= size=
# Asked each second by keepalived, so nothing is started that need not be.
while read -r name value; do
    case $name in
        wsrep_cluster_status) part=$value ;;
        wsrep_ready) ready=$value ;;
        wsrep_local_state) number=$value ;;
        wsrep_local_state_comment) word=$value ;;
        wsrep_cluster_size) size=$value ;;
    esac
done <<STATE
$state
STATE
[ "$part" = Primary ] || { echo "its part of the cluster may not work ($part)"; exit 1; }
[ "$ready" = ON ] || { echo "takes no queries ($word)"; exit 1; }
case $number in
    4) echo "in step, one of $size members" ;;
    2) echo "gives its data to another member" ;;
    *) echo "is not yet in step ($word)"; exit 1 ;;
esac
