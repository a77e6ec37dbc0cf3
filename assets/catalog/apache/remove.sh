# Pictures in the docroot stay: they came from people.
rm -rf /etc/sandtable/{{ service.slug }} /usr/local/share/sandtable/{{ service.slug }}
case {{ node.family }} in
    debian | ubuntu) printf 'Listen 80\n' >/etc/apache2/ports.conf ;;
    *) sed -i 's/^# Listen/Listen/' /etc/httpd/conf/httpd.conf ;;
esac
