kind=$(cat /run/sandtable-{{ service.slug }}.kind 2> /dev/null || true)
if timeout 2 rpcinfo -n {{ port.nfs }} -t {{ main.address if main.address != "0.0.0.0" else "127.0.0.1" }} 100003 3 > /dev/null 2>&1; then
    case $kind in
        kernel) echo "answers" ;;
        ganesha) echo "answers (nfs-ganesha: this kernel serves no NFS here)" ;;
        *) echo "answers (a server of Sandtable's own: this kernel serves no NFS here)" ;;
    esac
else
    echo "does not answer on port "{{ port.nfs }}
    exit 1
fi
