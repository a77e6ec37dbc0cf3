<?php
// The shop: what there is, the visitor's cart, and orders. Says which server and which database served it.
declare(strict_types=1);
require ($_SERVER['LAB_SHARE'] ?? '') . '/shop.php';

try {
    $session = new Session();
    if (($_SERVER['REQUEST_METHOD'] ?? '') === 'POST') {
        if (!$session->is_ours()) {
            http_response_code(403);
            page('That form is not ours', ['served by' => lab('NODE')], '<section><a href="/">Back to the shop</a></section>');
            exit;
        }
        $what = $_POST['what'] ?? '';
        $id = (int) filter_var($_POST['id'] ?? '', FILTER_VALIDATE_INT, ['options' => ['default' => 0, 'min_range' => 0]]);
        if ($what === 'add' && count($session->data['cart']) < 50) {
            $session->data['cart'][$id] = min(99, (int) ($session->data['cart'][$id] ?? 0) + 1);
        } elseif ($what === 'take' && isset($session->data['cart'][$id])) {
            unset($session->data['cart'][$id]);
        } elseif ($what === 'order' && $session->data['cart']) {
            [$cents, $items] = [0, []];
            foreach ($session->data['cart'] as $product => $count) {
                $row = run('SELECT name, cents FROM shop_products WHERE id = ?', (int) $product)->fetch_assoc();
                if ($row) {
                    $cents += (int) $row['cents'] * (int) $count;
                    $items[] = $count . ' × ' . $row['name'];
                }
            }
            if ($items) {
                run('INSERT INTO shop_orders (items, cents, node) VALUES (?, ?, ?)', implode(', ', $items), $cents, lab('NODE'));
            }
            $session->data['cart'] = [];
        }
        $session->keep();
        go_back('/');
    }
    $session->data['visits'] = (int) $session->data['visits'] + 1;
    run('INSERT INTO shop_visits (node, visits) VALUES (?, 1) ON DUPLICATE KEY UPDATE visits = visits + 1', lab('NODE'));
    $products = run('SELECT id, name, cents, image FROM shop_products ORDER BY id LIMIT 100')->fetch_all(MYSQLI_ASSOC);
    $name = run('SELECT @@hostname')->fetch_row()[0];
    $session->keep();
} catch (Gone $error) {
    gone_page($error->getMessage());
    exit;
}

$form = fn(string $what, int $id, string $label, string $tone = 'quiet') => '<form method="post" action="/"><input type="hidden" name="token" value="' . h($session->data['token'])
    . '"><input type="hidden" name="what" value="' . h($what) . '"><input type="hidden" name="id" value="' . $id . '"><button class="' . h($tone) . '">' . h($label) . '</button></form>';
$body = '<section><h2>What there is</h2><ul>';
$known = [];
foreach ($products as $product) {
    $known[(int) $product['id']] = $product;
    $image = preg_match('/\A[0-9a-f]{24}\.(png|jpg|gif|webp)\z/', $product['image']) ? '<img src="/images/' . h($product['image']) . '" alt="">' : '';
    $body .= '<li>' . $image . '<span class="text">' . h($product['name']) . '</span><span>' . money((int) $product['cents']) . '</span>' . $form('add', (int) $product['id'], 'into the cart') . '</li>';
}
$body .= '</ul></section><section><h2>Your cart</h2>';
$total = 0;
$rows = '';
foreach ($session->data['cart'] as $id => $count) {
    if (isset($known[$id])) {
        $total += (int) $known[$id]['cents'] * (int) $count;
        $rows .= '<li><span class="text">' . (int) $count . ' × ' . h($known[$id]['name']) . '</span>' . $form('take', (int) $id, 'take out') . '</li>';
    }
}
if ($session->where === 'gone') {
    $body .= '<p class="empty">The place where carts are kept does not answer. The rest of the shop works.</p>';
} elseif ($rows === '') {
    $body .= '<p class="empty">Empty.</p>';
} else {
    $body .= "<ul>$rows</ul><p>Together " . money($total) . ' ' . $form('order', 0, 'Order', 'go') . '</p>';
}
page('Sand and more', ['served by' => lab('NODE'), 'database' => (string) $name, 'sessions' => $session->where, 'your visits' => (int) $session->data['visits']], $body . '</section>');
