{% if primary -%}
status=$(timeout 2 mariadb --protocol=socket --connect-timeout=1 -e 'SHOW SLAVE STATUS\G' 2>&1) || { echo "does not answer: $status"; exit 1; }
field() { printf '%s\n' "$status" | sed -n "s/^ *$1: //p"; }
[ -n "$status" ] || { echo "copies from nobody"; exit 2; }
[ "$(field Slave_SQL_Running)" = Yes ] || { echo "does not apply what it copied: $(field Last_SQL_Error)"; exit 2; }
[ "$(field Slave_IO_Running)" = Yes ] || { echo "does not reach" {{ primary.node ~ "/" ~ primary.service }}: "$(field Last_IO_Error)"; exit 2; }
behind=$(field Seconds_Behind_Master)
case $behind in
    NULL | '') echo "does not know how far behind it is"; exit 2 ;;
    *) [ "$behind" -lt 30 ] || { echo "is $behind s behind"; exit 2; } ;;
esac
echo "copies, $behind s behind"
{% else -%}
answer=$(timeout 2 mariadb --protocol=socket --connect-timeout=1 -N -B -e 'SELECT 1' 2>&1) || { echo "does not answer: $answer"; exit 1; }
echo answers
{% endif -%}
