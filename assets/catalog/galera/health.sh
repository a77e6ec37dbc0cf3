state=$(timeout 2 mariadb --protocol=socket --connect-timeout=1 -N -B -e "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_cluster_status', 'wsrep_local_state', 'wsrep_local_state_comment', 'wsrep_cluster_size')" 2>&1) || {
    echo "does not answer: $state"
    exit 1
}
value() { printf '%s\n' "$state" | sed -n "s/^$1	//p"; }
[ "$(value wsrep_cluster_status)" = Primary ] || { echo "its part of the cluster may not work ($(value wsrep_cluster_status))"; exit 1; }
[ "$(value wsrep_ready)" = ON ] || { echo "takes no queries ($(value wsrep_local_state_comment))"; exit 1; }
case $(value wsrep_local_state) in
    4) echo "in step, one of $(value wsrep_cluster_size) members" ;;
    2) echo "gives its data to another member" ;;
    *) echo "is not yet in step ($(value wsrep_local_state_comment))"; exit 1 ;;
esac
