timeout 2 mariadb --protocol=socket --connect-timeout=1 -N -B -e "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_cluster_size', 'wsrep_cluster_status', 'wsrep_local_state_comment', 'wsrep_last_committed', 'wsrep_local_recv_queue', 'wsrep_cluster_state_uuid', 'wsrep_cluster_conf_id', 'Threads_connected', 'Questions')" | while read -r name value; do
    case $name in
        wsrep_cluster_size) echo "cluster-size $value" ;;
        wsrep_cluster_status) echo "cluster-status $value" ;;
        wsrep_cluster_state_uuid) echo "cluster-id $value" ;;
        wsrep_cluster_conf_id) echo "cluster-view $value" ;;
        wsrep_local_state_comment) echo "state $value" ;;
        wsrep_last_committed) echo "position $value" ;;
        wsrep_local_recv_queue) echo "waiting-writes $value" ;;
        Threads_connected) echo "connections $value" ;;
        Questions) echo "queries $value" ;;
    esac
done
