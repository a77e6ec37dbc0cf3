use super::*;
use proptest::prelude::*;
use std::io::Cursor;

fn judged(bytes: &[u8]) -> Result<Format, String> {
    format_of(&mut Section::new(&mut Cursor::new(bytes), 0, bytes.len() as u64))
}

fn refused(bytes: &[u8], part: &str) {
    let why = judged(bytes).unwrap_err();
    assert!(why.contains(part), "{part}: {why}");
}

fn put(bytes: &mut [u8], at: usize, part: &[u8]) {
    bytes[at..at + part.len()].copy_from_slice(part);
}

const DESCRIPTOR: &str = "# Disk DescriptorFile\nversion=1\nCID=7e4ab9c1\nparentCID=ffffffff\ncreateType=\"streamOptimized\"\n\n# Extent description\nRW 131072 SPARSE \"base-disk001.vmdk\"\n\n# The disk Data Base\n#DDB\nddb.virtualHWVersion = \"4\"\nddb.adapterType=\"ide\"\nddb.uuid.image=\"0d6d1e4c-7f6c-4a3b-9a6e-3a2b6f9d2b1f\"\n";

/// A sparse VMDK with this descriptor, from the second sector on.
fn vmdk(descriptor: &str) -> Vec<u8> {
    let mut bytes = vec![0_u8; 512 * 64];
    put(&mut bytes, 0, vmdk::MAGIC);
    put(&mut bytes, 4, &3_u32.to_le_bytes());
    put(&mut bytes, 28, &1_u64.to_le_bytes());
    put(&mut bytes, 36, &20_u64.to_le_bytes());
    put(&mut bytes, 512, descriptor.as_bytes());
    bytes
}

fn qcow2(version: u32) -> Vec<u8> {
    let mut bytes = vec![0_u8; 4096];
    put(&mut bytes, 0, qcow2::MAGIC);
    put(&mut bytes, 4, &version.to_be_bytes());
    put(&mut bytes, 100, &104_u32.to_be_bytes());
    bytes
}

fn vdi(kind: u32) -> Vec<u8> {
    let mut bytes = vec![0_u8; 4096];
    put(&mut bytes, 0, b"<<< Oracle VM VirtualBox Disk Image >>>\n");
    put(&mut bytes, 64, &0xbeda_107f_u32.to_le_bytes());
    put(&mut bytes, 68, &0x0001_0001_u32.to_le_bytes());
    put(&mut bytes, 76, &kind.to_le_bytes());
    bytes
}

fn vhd(kind: u32) -> Vec<u8> {
    let mut footer = vec![0_u8; 512];
    put(&mut footer, 0, vhd::COOKIE);
    put(&mut footer, 16, &512_u64.to_be_bytes());
    put(&mut footer, 60, &kind.to_be_bytes());
    let mut second = vec![0_u8; 1024];
    put(&mut second, 0, b"cxsparse");
    [footer.clone(), second, vec![0; 512], footer].concat()
}

fn raw() -> Vec<u8> {
    let mut bytes = vec![0_u8; 1024];
    put(&mut bytes, 510, &[0x55, 0xaa]);
    bytes
}

fn changed(mut bytes: Vec<u8>, at: usize, part: &[u8]) -> Vec<u8> {
    put(&mut bytes, at, part);
    bytes
}

#[test]
fn images_that_hold_all_of_their_content_are_accepted() {
    for (bytes, format) in [
        (vmdk(DESCRIPTOR), Format::Vmdk),
        (vmdk(&DESCRIPTOR.replace("streamOptimized", "monolithicSparse").replace('\n', "\r\n")), Format::Vmdk),
        (qcow2(2), Format::Qcow2),
        (qcow2(3), Format::Qcow2),
        (vdi(1), Format::Vdi),
        (vdi(2), Format::Vdi),
        (vhd(3), Format::Vhd),
        (changed([vec![0; 512], vhd(2)[2048..].to_vec()].concat(), 0, b"boot"), Format::Vhd),
        (raw(), Format::Raw),
        (changed(vec![0; 1024], 512, b"EFI PART"), Format::Raw),
    ] {
        assert_eq!(judged(&bytes), Ok(format));
    }
}

#[test]
fn a_vmdk_that_names_other_files_is_refused() {
    let text = "# Disk DescriptorFile\nversion=1\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\nRW 8192 FLAT \"/etc/shadow\" 0\n";
    refused(text.as_bytes(), "names other files of this machine as the disk's content (\"/etc/shadow\")");
    refused(text.to_lowercase().replace("# disk", "\u{feff}#  Disk").as_bytes(), "VMDK descriptor");
    let replaced = |from: &str, to: &str| vmdk(&DESCRIPTOR.replace(from, to));
    let extent = "RW 131072 SPARSE \"base-disk001.vmdk\"";
    for (bytes, part) in [
        (replaced(extent, "RW 131072 FLAT \"/etc/shadow\" 0"), "names another file"),
        (replaced(extent, "RW 131072 SPARSE \"../other.vmdk\""), "names another file"),
        (replaced(extent, "RW 131072 SPARSE \"C:other.vmdk\""), "names another file"),
        (replaced(extent, "RW 8 VMFS \"x\""), "names another file"),
        (replaced(extent, "RW 131072 SPARSE \"a.vmdk\"\nRW 8 SPARSE \"b.vmdk\""), "2 parts"),
        (replaced(extent, ""), "0 parts"),
        (replaced("streamOptimized", "twoGbMaxExtentSparse"), "twoGbMaxExtentSparse"),
        (replaced("createType=\"streamOptimized\"\n", ""), "of what kind"),
        (replaced("parentCID=ffffffff", "parentCID=12345678"), "difference to another disk"),
        (replaced("parentCID=ffffffff\n", ""), "whether it has a parent"),
        (replaced("version=1", "parentFileNameHint=\"/etc/shadow\""), "difference to another disk"),
        (replaced("version=1", "changeTrackPath=\"/etc/shadow\""), "not known"),
        (replaced("version=1", "what is this"), "not known"),
        (replaced("#DDB\n", "#DDB\0RW 8 FLAT \"/etc/shadow\" 0\n"), "follows the end"),
        (changed(vmdk(DESCRIPTOR), 28, &0_u64.to_le_bytes()), "another file"),
        (changed(vmdk(DESCRIPTOR), 28, &u64::MAX.to_le_bytes()), "points behind"),
        (changed(vmdk(DESCRIPTOR), 4, &9_u32.to_le_bytes()), "unknown version"),
        (vmdk(DESCRIPTOR)[..700].to_vec(), "points behind"),
    ] {
        refused(&bytes, part);
    }
}

/// What counts in a stream is the header at its end.
#[test]
fn the_second_header_of_a_stream_is_read_too() {
    let stream = changed(vmdk(DESCRIPTOR), 56, &u64::MAX.to_le_bytes());
    refused(&stream, "headers");
    let foot = stream.len() - 1024;
    let header = stream[..512].to_vec();
    assert_eq!(judged(&changed(stream.clone(), foot, &header)), Ok(Format::Vmdk));
    refused(&changed(stream, foot, &changed(header, 28, &2_u64.to_le_bytes())), "headers");
}

#[test]
fn differences_backing_files_and_what_is_not_known_are_refused() {
    let backed = changed(changed(qcow2(3), 8, &200_u64.to_be_bytes()), 16, &11_u32.to_be_bytes());
    refused(&changed(backed, 200, b"/etc/shadow"), "backing file (\"/etc/shadow\")");
    for (bytes, part) in [
        (changed(qcow2(2), 8, &1_u64.to_be_bytes()), "backing file"),
        (changed(qcow2(3), 72, &4_u64.to_be_bytes()), "another file"),
        (changed(qcow2(3), 72, &2_u64.to_be_bytes()), "damaged"),
        (changed(qcow2(3), 72, &(1_u64 << 40).to_be_bytes()), "not known"),
        (changed(qcow2(3), 104, &0x4441_5441_u32.to_be_bytes()), "another file"),
        (changed(qcow2(2), 72, &0xe279_2aca_u32.to_be_bytes()), "backing file"),
        (changed(qcow2(3), 32, &1_u32.to_be_bytes()), "encrypted"),
        (qcow2(1), "version 1"),
        (qcow2(3)[..50].to_vec(), "cut off"),
        (vdi(4), "difference"),
        (vdi(3), "difference"),
        (vdi(9), "unknown kind"),
        (changed(vdi(1), 424, &[1]), "difference"),
        (changed(vdi(1), 440, &[1]), "difference"),
        (changed(vdi(1), 68, &[0, 0, 0, 0]), "unknown version"),
        (vhd(4), "difference"),
        (vhd(7), "unknown kind"),
        (changed(vhd(3), 512 + 40, &[1]), "which it names"),
        (changed(vhd(3), 512 + 576, b"W2ku"), "which it names"),
        (changed(vhd(3), 60, &2_u32.to_be_bytes()), "differ"),
        (changed(vhd(3), 512, b"nothing!"), "second header"),
        (vhd(3)[..1024].to_vec(), "without its end"),
        (Vec::new(), "empty"),
        (b"root:x:0:0::/root:/bin/sh\n".to_vec(), "no disk image"),
        (vec![7; 1024], "no disk image"),
        (raw()[..800].to_vec(), "no disk image"),
        (b"\xfd7zXZ\0 and so on".to_vec(), "xz"),
        (b"QED\0".to_vec(), "QED"),
        (b"COWD".to_vec(), "ESX"),
        (b"vhdxfile".to_vec(), "VHDX"),
    ] {
        refused(&bytes, part);
    }
    // Which of two formats VirtualBox would take is its secret.
    let tail = vhd(4)[2048..].to_vec();
    refused(&[qcow2(3), tail.clone()].concat(), "several formats");
    refused(&[vdi(1), tail].concat(), "several formats");
    refused(&changed(vmdk(DESCRIPTOR), 64, &0xbeda_107f_u32.to_le_bytes()), "several formats");
}

fn tar(members: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, kind, content) in members {
        let mut block = vec![0_u8; 512];
        put(&mut block, 0, name.as_bytes());
        put(&mut block, 124, format!("{:011o}", content.len()).as_bytes());
        put(&mut block, 156, &[*kind]);
        put(&mut block, 257, b"ustar\x0000");
        put(&mut block, 148, b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
        all.extend(block);
        all.extend_from_slice(content);
        all.resize(all.len().next_multiple_of(512), 0);
    }
    all.resize(all.len() + 1024, 0);
    all
}

fn appliance(bytes: &[u8]) -> Result<ova::Appliance, String> {
    ova::appliance(&mut Section::new(&mut Cursor::new(bytes), 0, bytes.len() as u64))
}

#[test]
fn of_an_appliance_only_its_disk_is_taken() {
    let disk = vmdk(DESCRIPTOR);
    let ovf = b"<Envelope><vbox:Machine><Hardware><Firmware type=\"EFI\"/></Hardware></vbox:Machine></Envelope>".as_slice();
    let found = appliance(&tar(&[("box.ovf", b'0', ovf), ("box.mf", 0, b"sums"), ("disk.vmdk", b'0', &disk)])).unwrap();
    assert_eq!((found.disk, found.is_efi), ((2560, disk.len() as u64), true));
    assert!(!appliance(&tar(&[("box.ovf", b'0', b"<Envelope/>"), ("disk.vmdk", b'0', &disk)])).unwrap().is_efi);
    for (members, part) in [
        (vec![("box.ovf", b'0', ovf)], "0 disks"),
        (vec![("box.ovf", b'0', ovf), ("a.vmdk", b'0', &disk), ("b.vmdk", b'0', &disk)], "2 disks"),
        (vec![("a.vmdk", b'0', disk.as_slice())], "0 descriptions"),
        (vec![("box.ovf", b'0', ovf), ("a.vmdk", b'2', &disk)], "no ordinary file"),
        (vec![("box.ovf", b'0', ovf), ("a.vmdk", b'1', &[])], "no ordinary file"),
        (vec![("box.ovf", b'0', ovf), ("a.vmdk", b'x', &[])], "no ordinary file"),
        (vec![("box.ovf", b'0', ovf), ("../a.vmdk", b'0', &disk)], "plain file name"),
        (vec![("box.ovf", b'0', ovf), ("/etc/a.vmdk", b'0', &disk)], "plain file name"),
        (vec![("box.ovf", b'0', ovf), ("a.vmdk", b'0', &disk), ("A.vmdk", b'0', &disk)], "two members"),
    ] {
        let why = appliance(&tar(&members)).unwrap_err();
        assert!(why.contains(part), "{part}: {why}");
    }
    let cut = tar(&[("box.ovf", b'0', ovf), ("disk.vmdk", b'0', &disk)]);
    assert!(appliance(&cut[..2000]).unwrap_err().contains("cut off"));
    assert!(appliance(&raw()).unwrap_err().contains("no tar archive"));
    assert!(appliance(&[0; 2048]).unwrap_err().contains("no appliance"));
}

/// What an accepted file can make VirtualBox read beside itself, found without the code that is tested: in a VMDK's text.
fn names_another_file(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let is_extent = |line: &str| line.starts_with("RW ") || line.starts_with("RDONLY ") || line.starts_with("NOACCESS ");
    let extents: Vec<&str> = text.split(['\n', '\r', '\0']).map(str::trim).filter(|line| is_extent(line)).collect();
    extents.len() > 1 || extents.iter().any(|line| line.contains('/') || line.contains('\\') || !line.contains("SPARSE"))
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let _judged = judged(&bytes);
        let _judged = appliance(&bytes);
    }

    #[test]
    fn a_changed_image_is_refused_or_names_nothing(
        which in 0..5_usize,
        changes in prop::collection::vec((0..3000_usize, any::<u8>()), 1..12),
    ) {
        let mut bytes = [vmdk(DESCRIPTOR), qcow2(3), vdi(1), vhd(3), raw()][which].clone();
        for (at, byte) in changes {
            let length = bytes.len();
            bytes[at % length] = byte;
        }
        match judged(&bytes) {
            Ok(Format::Vmdk) => prop_assert!(!names_another_file(&bytes)),
            Ok(Format::Qcow2) => prop_assert!(bytes[8..20] == [0; 12] && (bytes[7] == 2 || bytes[79] & 4 == 0)),
            Ok(Format::Vdi) => prop_assert!(bytes[424..456] == [0; 32] && matches!(bytes[76], 1 | 2)),
            Ok(Format::Vhd) => prop_assert!(bytes[552..1280] == [0; 728]),
            Ok(Format::Raw) | Err(_) => {}
        }
    }

    #[test]
    fn extents_outside_are_never_accepted(
        access in "(RW|RDONLY|NOACCESS|rw)",
        kind in "(FLAT|SPARSE|ZERO|VMFS|VMFSSPARSE|VMFSRDM|VMFSRAW|sparse)",
        name in "(/|\\.\\./|\\\\|C:|a/)[a-z]{1,8}",
        space in "[ \t]{0,3}",
        is_first in any::<bool>(),
    ) {
        let line = format!("{space}{access} 8{}{kind} \"{name}\" 0", if space.is_empty() { " " } else { &space });
        let text = if is_first { DESCRIPTOR.replace("RW 131072", &format!("{line}\nRW 131072")) } else { format!("{DESCRIPTOR}{line}") };
        prop_assert!(judged(&vmdk(&text)).is_err());
        let only = DESCRIPTOR.replace("RW 131072 SPARSE \"base-disk001.vmdk\"", &line);
        prop_assert!(judged(&vmdk(&only)).is_err());
        prop_assert!(judged(only.as_bytes()).is_err());
    }

    #[test]
    fn a_changed_archive_leads_nowhere(changes in prop::collection::vec((0..4000_usize, any::<u8>()), 1..8)) {
        let disk = vmdk(DESCRIPTOR);
        let mut bytes = tar(&[("box.ovf", b'0', b"<Envelope/>"), ("disk.vmdk", b'0', &disk)]);
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        if let Ok(found) = appliance(&bytes) {
            prop_assert!(found.disk.0 + found.disk.1 <= bytes.len() as u64);
        }
    }
}
