<?php
// What all pages of the shop share: the database, the sessions, how a page looks. It trusts nothing that comes from outside.
declare(strict_types=1);

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
ini_set('display_errors', '0');
ini_set('log_errors', '1');
ini_set('default_socket_timeout', '2');

final class Gone extends RuntimeException {}

/** What the server was told of this lab. */
function lab(string $name): string
{
    return (string) ($_SERVER['LAB_' . $name] ?? '');
}

function h(string|int|float $text): string
{
    return htmlspecialchars((string) $text, ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5, 'UTF-8');
}

/** The first of the drawn databases that answers; time-outs are short, so that nobody waits long for one that is gone. */
function database(): mysqli
{
    static $found = null;
    if ($found) {
        return $found;
    }
    $why = 'No database is drawn: add a flow from this application to one.';
    foreach (array_filter(explode(',', lab('DATABASES'))) as $address) {
        [$host, $port] = explode(':', $address);
        $connection = mysqli_init();
        $connection->options(MYSQLI_OPT_CONNECT_TIMEOUT, (int) lab('CONNECT_SECS'));
        $connection->options(MYSQLI_OPT_READ_TIMEOUT, (int) lab('ANSWER_SECS'));
        // Encryption keeps listeners out; the address is trusted as drawn.
        $flags = lab('DATABASE_TLS') === 'yes' ? MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT : 0;
        try {
            $connection->real_connect($host, 'lab', lab('DATABASE_PASSWORD'), 'lab', (int) $port, null, $flags);
            $connection->set_charset('utf8mb4');
            make_tables($connection);
            return $found = $connection;
        } catch (mysqli_sql_exception $error) {
            $why = $error->getMessage();
        }
    }
    throw new Gone($why);
}

function make_tables(mysqli $connection): void
{
    try {
        $connection->query('SELECT 1 FROM shop_visits LIMIT 1');
    } catch (mysqli_sql_exception $error) {
        if ($error->getCode() !== 1146) {
            throw $error;
        }
        $end = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4';
        $connection->query("CREATE TABLE IF NOT EXISTS shop_products (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80) NOT NULL, cents INT NOT NULL, image VARCHAR(64) NOT NULL DEFAULT '') $end");
        $connection->query("CREATE TABLE IF NOT EXISTS shop_orders (id INT AUTO_INCREMENT PRIMARY KEY, items TEXT NOT NULL, cents INT NOT NULL, node VARCHAR(64) NOT NULL, created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) $end");
        $connection->query("INSERT IGNORE INTO shop_products (id, name, cents) VALUES (1, 'Sand, fine, 5 kg', 490), (2, 'Sand table, oak', 24900), (3, 'Flags, set of twelve', 990), (4, 'Rake', 1290)");
        $connection->query("CREATE TABLE IF NOT EXISTS shop_visits (node VARCHAR(64) NOT NULL PRIMARY KEY, visits BIGINT NOT NULL DEFAULT 0) $end");
    }
}

/** Runs a statement with its values apart from it. */
function run(string $statement, mixed ...$values): mysqli_result|bool
{
    try {
        return database()->execute_query($statement, $values);
    } catch (mysqli_sql_exception $error) {
        throw new Gone($error->getMessage());
    }
}

/** Just enough of Redis to keep sessions: no extension is needed. */
final class Store
{
    /** @var resource */
    private $stream;

    public function __construct(string $url, string $password)
    {
        $context = stream_context_create(['ssl' => ['verify_peer' => false, 'verify_peer_name' => false]]);
        $stream = @stream_socket_client($url, $code, $why, (float) lab('CONNECT_SECS'), STREAM_CLIENT_CONNECT, $context);
        if (!$stream) {
            throw new RuntimeException("Redis: $why");
        }
        stream_set_timeout($stream, (int) lab('CONNECT_SECS'));
        $this->stream = $stream;
        if ($password !== '') {
            $this->ask('AUTH', $password);
        }
    }

    public function ask(string ...$words): string|int|null
    {
        $text = '*' . count($words) . "\r\n";
        foreach ($words as $word) {
            $text .= '$' . strlen($word) . "\r\n$word\r\n";
        }
        if (@fwrite($this->stream, $text) !== strlen($text)) {
            throw new RuntimeException('Redis does not listen');
        }
        $line = fgets($this->stream);
        if ($line === false) {
            throw new RuntimeException('Redis does not answer');
        }
        $rest = rtrim(substr($line, 1));
        switch ($line[0]) {
            case '+':
                return $rest;
            case ':':
                return (int) $rest;
            case '$':
                if ((int) $rest < 0) {
                    return null;
                }
                $data = stream_get_contents($this->stream, (int) $rest + 2);
                return substr((string) $data, 0, -2);
            default:
                throw new RuntimeException("Redis: $rest");
        }
    }
}

/** A visitor's cart, kept where all servers find it; without Redis on this server alone. */
final class Session
{
    public array $data = ['visits' => 0, 'cart' => [], 'token' => ''];
    public string $where = 'here';
    private ?Store $store = null;
    private string $id;

    public function __construct()
    {
        $given = $_COOKIE['shop'] ?? '';
        $this->id = is_string($given) && preg_match('/\A[0-9a-f]{32}\z/', $given) ? $given : bin2hex(random_bytes(16));
        setcookie('shop', $this->id, ['path' => '/', 'httponly' => true, 'samesite' => 'Lax', 'secure' => ($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https']);
        if (lab('SESSIONS') === '') {
            session_name('shop-here');
            @session_start(['cookie_httponly' => true, 'cookie_samesite' => 'Lax', 'use_strict_mode' => true]);
            $this->take($_SESSION['shop'] ?? null);
        } else {
            try {
                $this->store = new Store(lab('SESSIONS'), lab('SESSION_PASSWORD'));
                $this->where = 'Redis';
                $this->take(json_decode((string) $this->store->ask('GET', 'shop:' . $this->id), true));
            } catch (RuntimeException $error) {
                error_log($error->getMessage());
                $this->store = null;
                $this->where = 'gone';
            }
        }
        if ($this->data['token'] === '') {
            $this->data['token'] = bin2hex(random_bytes(16));
        }
    }

    private function take(mixed $kept): void
    {
        if (is_array($kept)) {
            $this->data = array_intersect_key($kept, $this->data) + $this->data;
        }
    }

    public function keep(): void
    {
        if ($this->where === 'here') {
            $_SESSION['shop'] = $this->data;
        } elseif ($this->store) {
            try {
                $this->store->ask('SET', 'shop:' . $this->id, (string) json_encode($this->data), 'EX', '86400');
            } catch (RuntimeException $error) {
                error_log($error->getMessage());
                $this->where = 'gone';
            }
        }
    }

    /** Whether a form was made by one of our own pages for this visitor. */
    public function is_ours(): bool
    {
        $token = $_POST['token'] ?? '';
        return is_string($token) && $this->where !== 'gone' && hash_equals($this->data['token'], $token);
    }
}

function headers(string $kind = 'text/html; charset=utf-8'): void
{
    header("Content-Type: $kind");
    header('Cache-Control: private, no-store');
    header('X-Served-By: ' . lab('NODE'));
    header('X-Content-Type-Options: nosniff');
    header('Referrer-Policy: same-origin');
    header("Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
}

function page(string $title, array $served, string $body): void
{
    headers();
    echo '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">';
    echo '<title>', h($title), '</title><link rel="stylesheet" href="/shop.css"></head><body><main><h1>', h($title), '</h1><div class="served">';
    foreach ($served as $name => $value) {
        echo '<span', $value === 'gone' ? ' class="bad"' : '', '>', h($name), ' <b>', h($value), '</b></span>';
    }
    echo '</div>', $body, '</main></body></html>';
}

function gone_page(string $why): void
{
    http_response_code(503);
    page('The database does not answer', ['served by' => lab('NODE'), 'database' => 'gone'], '<section><p>The shop runs, its database does not: ' . h($why) . '</p><p>Try again in a moment.</p></section>');
}

function money(int $cents): string
{
    return number_format($cents / 100, 2) . ' €';
}

function go_back(string $to): never
{
    header('Location: ' . $to, true, 303);
    exit;
}
