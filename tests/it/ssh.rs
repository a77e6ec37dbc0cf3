//! ssh against a real sshd: one that the test starts for itself, on loopback, as whoever runs the test, with keys of its own.
//! Without sshd or ssh-keygen on the machine each test says so and does nothing.

use sandtable::host::ssh::{Become, Host, HostKey, HostKeys, LoginKey, Ssh};
use sandtable::provider::{
    Retry,
    ssh::SshTransport,
    transport::{Command, Line, Transport},
};
use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(30);

struct Server {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn program(name: &str) -> Option<PathBuf> {
    ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists())
}

fn user() -> String {
    let id = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(id.stdout).unwrap().trim().to_owned()
}

fn key(folder: &Path, name: &str) {
    let made = std::process::Command::new(program("ssh-keygen").unwrap())
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(folder.join(name))
        .status();
    assert!(made.unwrap().success());
}

/// A server, or `None` with the reason printed.
fn server() -> Option<Server> {
    let (Some(sshd), Some(_)) = (program("sshd"), program("ssh-keygen")) else {
        eprintln!("skipped: sshd or ssh-keygen is not installed (openssh-server)");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    for name in ["host", "login", "stranger"] {
        key(folder.path(), name);
    }
    fs::copy(folder.path().join("login.pub"), folder.path().join("authorized")).unwrap();
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let settings = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nUseDNS no\nMaxStartups 100\n",
        at("host"),
        at("authorized")
    );
    fs::write(folder.path().join("sshd_config"), settings).unwrap();
    if user() == "root" {
        // Where sshd gives up its rights; Debian's service makes it.
        let _there = fs::create_dir_all("/run/sshd");
    }
    let mut child = std::process::Command::new(sshd)
        .args(["-D", "-e", "-f"])
        .arg(folder.path().join("sshd_config"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.path().join("log")).unwrap())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if child.try_wait().unwrap().is_some() || started.elapsed() > Duration::from_secs(20) {
            eprintln!("skipped: sshd does not start: {}", fs::read_to_string(folder.path().join("log")).unwrap());
            let _gone = child.kill();
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(Server { folder, child, port })
}

impl Server {
    fn host_key(&self) -> HostKey {
        HostKey::parse(&fs::read_to_string(self.folder.path().join("host.pub")).unwrap()).unwrap()
    }

    fn host(&self) -> Host {
        Host {
            name: "node".into(),
            address: "127.0.0.1".into(),
            port: self.port,
            user: user(),
            key: LoginKey::File(self.folder.path().join("login")),
            host_keys: HostKeys::Known(vec![self.host_key()]),
            becomes: Become::Nobody,
            connect_timeout: Duration::from_secs(20),
            through: None,
        }
    }
}

fn transport(hosts: impl IntoIterator<Item = Host>) -> Arc<SshTransport> {
    SshTransport::new("node".parse().unwrap(), hosts.into_iter().map(Ssh::new).collect())
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn command(argv: &[&str]) -> Command {
    Command { argv: argv.iter().map(|word| (*word).to_owned()).collect(), stdin: Vec::new(), timeout: LONG }
}

#[test]
fn commands_arrive_as_they_are_and_their_words_come_back() {
    let Some(server) = server() else { return };
    let node = transport([server.host()]);
    let odd = "a b'c\"$(id)\n--x;";
    let ran = wait(node.run(command(&["printf", "%s|", odd, ""]))).unwrap();
    assert_eq!((ran.code, String::from_utf8(ran.stdout).unwrap()), (0, format!("{odd}||")));
    assert_eq!(ran.stderr, b"");
    let ran = wait(node.run(Command::script("echo out; echo err >&2; exit 7", LONG))).unwrap();
    assert_eq!((ran.code, ran.stdout.as_slice(), ran.stderr.as_slice()), (7, b"out\n".as_slice(), b"err\n".as_slice()));
    let mut large = command(&["sh", "-c", "cat; cat /dev/zero | head -c 3000000 >&2"]);
    large.stdin = vec![b'x'; 3_000_000];
    let ran = wait(node.run(large)).unwrap();
    assert_eq!((ran.stdout.len(), ran.stderr.len(), ran.is_cut), (3_000_000, 3_000_000, false));
    assert_eq!(wait(node.run(Command::script("kill -TERM $$", LONG))).unwrap().code, 128 + 15);
    let ran = wait(node.run(Command { stdin: vec![b'x'; 1_000_000], ..command(&["true"]) })).unwrap();
    assert_eq!(ran.code, 0, "a command need not read what it is given");
}

#[test]
fn many_at_once_each_get_their_own_answer() {
    let Some(server) = server() else { return };
    let node = transport([server.host()]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let mut all = tokio::task::JoinSet::new();
        for number in 0..40 {
            let node = Arc::clone(&node);
            all.spawn(async move {
                let ran = node.run(command(&["echo", &number.to_string()])).await.unwrap();
                assert_eq!(ran.stdout, format!("{number}\n").into_bytes());
            });
        }
        while let Some(done) = all.join_next().await {
            done.unwrap();
        }
    });
}

#[test]
fn only_the_known_host_and_only_the_right_key() {
    let Some(server) = server() else { return };
    let right = server.host();
    let first = Host { host_keys: HostKeys::First, ..right.clone() };
    assert_eq!(wait(transport([first]).meet()).unwrap(), server.host_key());
    let other = HostKey::parse(&fs::read_to_string(server.folder.path().join("stranger.pub")).unwrap()).unwrap();
    let wrong_host = Host { host_keys: HostKeys::Known(vec![other]), ..right.clone() };
    let error = wait(transport([wrong_host.clone()]).run(command(&["true"]))).unwrap_err();
    assert!(error.why.contains("another host key") && error.retry == Retry::Useless, "{error}");
    let stranger = Host { key: LoginKey::File(server.folder.path().join("stranger")), ..right.clone() };
    let error = wait(transport([stranger]).run(command(&["true"]))).unwrap_err();
    assert!(error.why.contains("does not let") && error.next.contains("SANDTABLE_IMAGE_KEY"), "{error}");
    let missing = Host { key: LoginKey::File(server.folder.path().join("none")), ..right.clone() };
    assert!(wait(transport([missing]).run(command(&["true"]))).unwrap_err().why.contains("does not exist"));
    let text = fs::read_to_string(server.folder.path().join("login")).unwrap();
    let in_memory = Host { key: LoginKey::Text(text), ..right.clone() };
    assert_eq!(wait(transport([in_memory]).run(command(&["true"]))).unwrap().code, 0);
    // The first way is another machine, the second is nobody, the third is right.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let nobody = Host { port: free, ..right.clone() };
    assert_eq!(wait(transport([wrong_host, nobody.clone(), right]).run(command(&["true"]))).unwrap().code, 0);
    let error = wait(transport([nobody]).run(command(&["true"]))).unwrap_err();
    assert_eq!(error.retry, Retry::Worth, "{error}");
}

#[test]
fn through_other_machines() {
    let Some(server) = server() else { return };
    let jump = Host { name: "bastion".into(), ..server.host() };
    let one = Host { through: Some(Arc::new(jump)), ..server.host() };
    let two = Host { through: Some(Arc::new(Host { name: "inner".into(), ..one.clone() })), ..server.host() };
    for host in [one, two] {
        let node = transport([host]);
        let bytes: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 251) as u8).collect();
        let ran = wait(node.run(Command { stdin: bytes.clone(), ..command(&["cat"]) })).unwrap();
        assert!(ran.stdout == bytes, "{} bytes came back", ran.stdout.len());
    }
}

#[test]
fn late_and_unwanted_commands_are_killed_over_there() {
    let Some(server) = server() else { return };
    let node = transport([server.host()]);
    let pids = server.folder.path().join("pids");
    let script = format!("sleep 300 & echo $! >> '{}'; sleep 300", pids.display());
    let error = wait(node.run(Command::script(script.clone(), Duration::from_millis(500)))).unwrap_err();
    assert!(error.why.contains("no answer"), "{error}");
    wait(async {
        let dropped = tokio::time::timeout(Duration::from_millis(500), node.run(Command::script(script.clone(), LONG))).await;
        assert!(dropped.is_err());
    });
    // The session is of use afterwards, and nothing that the commands started lives on.
    assert_eq!(wait(node.run(command(&["true"]))).unwrap().code, 0);
    let started = std::fs::read_to_string(&pids).unwrap_or_default();
    let lives = |pid: &&str| Path::new("/proc").join(pid).exists();
    let deadline = std::time::Instant::now() + LONG;
    while started.lines().any(|pid| lives(&pid)) {
        assert!(std::time::Instant::now() < deadline, "what a killed command had started lives on: {started}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn lines_come_while_the_command_runs() {
    let Some(server) = server() else { return };
    let node = transport([server.host()]);
    wait(async {
        let (lines, mut taken) = tokio::sync::mpsc::channel(1);
        let script = "echo one; echo bad >&2; read never </dev/null; printf last; exit 3";
        let streamed = node.stream(Command::script(script, LONG), lines);
        let collected = async {
            let mut all = Vec::new();
            while let Some(line) = taken.recv().await {
                all.push(line);
            }
            all
        };
        let (code, mut all) = tokio::join!(streamed, collected);
        assert_eq!(code.unwrap(), 3);
        all.sort_by_key(|line| format!("{line:?}"));
        assert_eq!(all, [Line::Err("bad".into()), Line::Out("last".into()), Line::Out("one".into())]);

        // One who has seen enough ends it; one who is silent for too long is late.
        let (lines, mut taken) = tokio::sync::mpsc::channel(1);
        let streamed = node.stream(Command::script("while :; do echo tick; sleep 0.05; done", LONG), lines);
        let enough = async move { taken.recv().await.unwrap() };
        let (ended, line) = tokio::join!(streamed, enough);
        assert_eq!(line, Line::Out("tick".into()));
        assert!(ended.unwrap_err().why.contains("cancelled"));
        let (lines, _taken) = tokio::sync::mpsc::channel(8);
        let silent = node.stream(Command::script("echo one; sleep 60", Duration::from_millis(400)), lines).await;
        assert!(silent.unwrap_err().why.contains("no answer"));
    });
}

#[test]
fn files_arrive_whole_with_their_mode() {
    use std::os::unix::fs::PermissionsExt;
    let Some(server) = server() else { return };
    let node = transport([server.host()]);
    let path = server.folder.path().join("a file's $(name)");
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 253) as u8).collect();
    wait(node.put(path.to_str().unwrap(), 0o640, &bytes)).unwrap();
    assert!(fs::read(&path).unwrap() == bytes);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    wait(node.put(path.to_str().unwrap(), 0o600, b"")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"");
    let nowhere = server.folder.path().join("none/file");
    assert!(wait(node.put(nowhere.to_str().unwrap(), 0o600, b"x")).unwrap_err().what.contains("none/file"));
    let left: Vec<_> = fs::read_dir(server.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("sandtable-")), "{left:?}");
}

#[test]
fn a_server_that_was_restarted_is_found_again() {
    let Some(mut server) = server() else { return };
    let node = transport([server.host()]);
    assert_eq!(wait(node.run(command(&["true"]))).unwrap().code, 0);
    // The processes that serve open connections are the daemon's children: they go with their group.
    let pid = server.child.id().to_string();
    let children = std::process::Command::new("pgrep").args(["-P", &pid]).output().unwrap();
    for child in String::from_utf8(children.stdout).unwrap().split_whitespace() {
        std::process::Command::new("kill").arg(child).status().unwrap();
    }
    let ran = wait(node.run(command(&["echo", "again"]))).unwrap();
    assert_eq!(ran.stdout, b"again\n");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
}
