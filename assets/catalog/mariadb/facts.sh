timeout 2 mariadb --protocol=socket --connect-timeout=1 -N -B -e "SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected', 'Questions', 'Uptime')" |
    sed 's/^Threads_connected/connections/; s/^Questions/queries/; s/^Uptime/uptime-s/' | tr '\t' ' '
{% if primary -%}
echo "role replica"
timeout 2 mariadb --protocol=socket --connect-timeout=1 -e 'SHOW SLAVE STATUS\G' | while read -r name value; do
    case $name in
        Seconds_Behind_Master:) [ "$value" = NULL ] || echo "lag-ms $((value * 1000))" ;;
        Gtid_IO_Pos:) echo "position ${value:-none}" ;;
    esac
done
{% else -%}
echo {{ "role primary" if replicas else "role alone" }}
echo "replicas-connected $(timeout 2 mariadb --protocol=socket --connect-timeout=1 -N -B -e 'SHOW SLAVE HOSTS' | wc -l)"
{% endif -%}
