state=$(timeout 4 mariadb --protocol=socket --connect-timeout=2 -N -B -e "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_cluster_status', 'wsrep_local_state', 'wsrep_local_state_comment')" 2>/dev/null) || {
    case $(systemctl show -p ActiveState --value {{ unit }}) in
        activating) echo "waits for the other members, or takes over their data" ;;
        *) echo "does not run" ;;
    esac
    exit 1
}
value() { printf '%s\n' "$state" | sed -n "s/^$1	//p"; }
[ "$(value wsrep_ready)" = ON ] && [ "$(value wsrep_cluster_status)" = Primary ] && [ "$(value wsrep_local_state)" = 4 ] || {
    echo "is $(value wsrep_local_state_comment), its part of the cluster is $(value wsrep_cluster_status)"
    exit 1
}
