//! Letters that are not ASCII, in everything around a lab and in what it clones: VBoxManage ends its output at the first of them where
//! it runs in the C locale, and does not even start where the home folder has one.

use super::{deploy, id, image, imports::program, none, planned, remove, runtime, small};
use crate::support::Bed;
use sandtable::{layout::read, provider::machines::Machines};

pub fn every_name_is_read() {
    for home in ["home", "j\u{fc}rgen"] {
        let (bed, id) = (Bed::at_home(home), id("languages"));
        // Before all else in every list.
        let folder = bed.folder.path().join("Ordner \u{f6}");
        let folder = folder.to_str().unwrap();
        let stranger = "D\u{e9}bian \u{fc}";
        bed.call(&["createvm", "--name", stranger, "--ostype", "Debian_64", "--basefolder", folder, "--register"]);
        bed.call(&[
            "modifyvm",
            stranger,
            "--description",
            "gr\u{f6}\u{df}er\n\u{65e5}\u{672c}",
            "--nic1",
            "intnet",
            "--intnet1",
            "h\u{fc}tte",
        ]);
        bed.call(&["setextradata", stranger, "note", "\u{f1}"]);
        bed.call(&["natnetwork", "add", "--netname", "gem\u{fc}tlich", "--network", "10.77.0.0/24", "--enable", "--dhcp", "off"]);
        bed.image("Gr\u{f6}\u{df}e", "H\u{e4}rtung");
        let before = bed.inventory();
        let mut drawn = small();
        drawn.image = Some(image("Gr\u{f6}\u{df}e", "H\u{e4}rtung"));
        runtime().block_on(async {
            let lab = bed.lab(&id);
            none("deploy", &deploy(&drawn, &id, &lab).await);
            none("plan", &planned(&drawn, &id, &bed.lab(&id)).await.unwrap());
            assert_eq!(bed.lab(&id).look().await.unwrap().machines.len(), 2);
            none("destroy", &remove(&bed.lab(&id)).await);
        });
        assert_eq!(bed.inventory(), before, "{home}");

        let (code, said) = program(&bed, &["import", "--on", "virtualbox", stranger, "Gr\u{f6}\u{df}e"]);
        assert_eq!(code, Some(0), "{said}");
        let text = &said[said.find("#![").unwrap()..said.find("\n)").unwrap() + 2];
        let lab = read(text).unwrap();
        assert_eq!(lab.nodes.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["D-bian", "Gr-e"]);
        assert_eq!(lab.nodes["D-bian"].image.as_ref().unwrap().name, stranger);
    }
}
