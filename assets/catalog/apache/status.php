<?php
// The same for programs: which server, which database, whether sessions are kept.
declare(strict_types=1);
require ($_SERVER['LAB_SHARE'] ?? '') . '/shop.php';

headers('application/json');
$status = ['node' => lab('NODE')];
try {
    $status['sessions'] = 'here';
    if (lab('SESSIONS') !== '') {
        try {
            (new Store(lab('SESSIONS'), lab('SESSION_PASSWORD')))->ask('PING');
            $status['sessions'] = 'Redis';
        } catch (RuntimeException) {
            $status['sessions'] = 'gone';
        }
    }
    // Every visit is written down: a database that only reads is of no use here.
    if ((int) run('SELECT @@global.read_only')->fetch_row()[0] !== 0) {
        throw new Gone('The database takes no writes: it is read-only.');
    }
    $status['database'] = run('SELECT @@hostname')->fetch_row()[0];
    $status['visits'] = (int) run('SELECT COALESCE(SUM(visits), 0) FROM shop_visits')->fetch_row()[0];
    $status['orders'] = (int) run('SELECT COUNT(*) FROM shop_orders')->fetch_row()[0];
} catch (Gone $error) {
    http_response_code(503);
    $status['database'] = null;
    $status['error'] = $error->getMessage();
}
echo json_encode($status, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE), "\n";
