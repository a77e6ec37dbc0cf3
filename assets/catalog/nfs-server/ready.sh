timeout 3 rpcinfo -n {{ port.nfs }} -t {{ main.address if main.address != "0.0.0.0" else "127.0.0.1" }} 100003 3 > /dev/null 2>&1
