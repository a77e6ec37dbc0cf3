# bash, because it speaks TCP by itself.
timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "version\r\nquit\r\n" >&3 && read -r word rest <&3 && [ "$word" = VERSION ] && echo "answers"' - {{ "127.0.0.1" if main.address == "0.0.0.0" else main.address }} {{ main.port }} 2>/dev/null || { echo "does not answer"; exit 1; }
