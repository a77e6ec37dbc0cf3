<?php
// The owner's page: orders, new products, pictures. It exists on the server that has the say, and on no other.
declare(strict_types=1);
require ($_SERVER['LAB_SHARE'] ?? '') . '/shop.php';

const PICTURE_BYTES_MAX = 2 * 1024 * 1024;

/** The ending that suits a picture, by its first bytes; null for all else. */
function picture_type(string $data): ?string
{
    return match (true) {
        str_starts_with($data, "\x89PNG\r\n\x1a\n") => 'png',
        str_starts_with($data, "\xff\xd8\xff") => 'jpg',
        str_starts_with($data, 'GIF87a'), str_starts_with($data, 'GIF89a') => 'gif',
        substr($data, 0, 4) === 'RIFF' && substr($data, 8, 4) === 'WEBP' => 'webp',
        default => null,
    };
}

/** Keeps an uploaded picture under a name of our own, and gives that; the others copy it from here. */
function keep_picture(): string
{
    $file = $_FILES['picture'] ?? null;
    if (!is_array($file) || ($file['error'] ?? UPLOAD_ERR_NO_FILE) !== UPLOAD_ERR_OK || !is_uploaded_file($file['tmp_name']) || $file['size'] > PICTURE_BYTES_MAX) {
        return '';
    }
    $kind = picture_type((string) file_get_contents($file['tmp_name'], false, null, 0, 16));
    if ($kind === null) {
        return '';
    }
    $name = bin2hex(random_bytes(12)) . '.' . $kind;
    return @move_uploaded_file($file['tmp_name'], lab('DOCROOT') . '/images/' . $name) ? $name : '';
}

try {
    $session = new Session();
    if (($_SERVER['REQUEST_METHOD'] ?? '') === 'POST') {
        $name = trim((string) preg_replace('/[\p{C}\s]+/u', ' ', is_string($_POST['name'] ?? null) ? $_POST['name'] : ''));
        $price = is_string($_POST['price'] ?? null) && preg_match('/\A\d{1,6}([.,]\d{1,2})?\z/', $_POST['price']) ? (int) round((float) str_replace(',', '.', $_POST['price']) * 100) : 0;
        if (!$session->is_ours()) {
            http_response_code(403);
            page('That form is not ours', ['served by' => lab('NODE')], '<section><a href="' . h(lab('ADMIN_PATH')) . '/">Back</a></section>');
            exit;
        }
        if ($name !== '' && $price > 0) {
            run('INSERT INTO shop_products (name, cents, image) VALUES (?, ?, ?)', (string) preg_replace("/\\A(.{0,80}).*\\z/us", "\\1", $name), $price, keep_picture());
        }
        $session->keep();
        go_back(lab('ADMIN_PATH') . '/');
    }
    $orders = run('SELECT id, items, cents, node, created FROM shop_orders ORDER BY id DESC LIMIT 50')->fetch_all(MYSQLI_ASSOC);
    $name = run('SELECT @@hostname')->fetch_row()[0];
    $session->keep();
} catch (Gone $error) {
    gone_page($error->getMessage());
    exit;
}

$body = '<section><h2>A new product</h2><form class="row" method="post" enctype="multipart/form-data" action="' . h(lab('ADMIN_PATH')) . '/"><input type="hidden" name="token" value="' . h($session->data['token'])
    . '"><input type="text" name="name" maxlength="80" required aria-label="Name" placeholder="Name"><input type="text" name="price" inputmode="decimal" required aria-label="Price" placeholder="4.90" size="6">'
    . '<input type="file" name="picture" accept="image/png,image/jpeg,image/gif,image/webp" aria-label="Picture"><button class="go">Add</button></form></section><section><h2>Orders</h2>';
$rows = '';
foreach ($orders as $order) {
    $rows .= '<li><span class="text">' . h($order['items']) . '<br><small>' . h($order['created']) . ' by way of ' . h($order['node']) . '</small></span><span>' . money((int) $order['cents']) . '</span></li>';
}
page('The owner’s page', ['served by' => lab('NODE'), 'database' => (string) $name], $body . ($rows === '' ? '<p class="empty">None yet.</p>' : "<ul>$rows</ul>") . '</section>');
