if timeout 2 rpcinfo -n {{ port.nfs }} -t {{ main.address if main.address != "0.0.0.0" else "127.0.0.1" }} 100003 4 > /dev/null 2>&1; then
    if [ -e /run/sandtable-{{ service.slug }}-ganesha.pid ]; then
        echo "answers (nfs-ganesha: this kernel serves no NFS here)"
    else
        echo "answers"
    fi
else
    echo "does not answer on port "{{ port.nfs }}
    exit 1
fi
