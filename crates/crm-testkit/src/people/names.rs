//! Names of people and companies, all invented combinations, each with a form fit for addresses.

/// Given and family names of one tradition, with their plain spelling.
pub(super) struct Tradition {
    pub(super) given: &'static [(&'static str, &'static str)],
    pub(super) family: &'static [(&'static str, &'static str)],
}

/// Where names come from; Latin letters with and without marks, then other scripts.
pub(super) const TRADITIONS: [Tradition; 10] = [
    Tradition {
        given: &[
            ("Amelia", "amelia"),
            ("Owen", "owen"),
            ("Harriet", "harriet"),
            ("Declan", "declan"),
            ("Siân", "sian"),
            ("Zoë", "zoe"),
        ],
        family: &[
            ("Whitlock", "whitlock"),
            ("O’Rourke", "orourke"),
            ("Pemberton-Hale", "pemberton-hale"),
            ("MacAskill", "macaskill"),
            ("Thorne", "thorne"),
            ("Birtwistle", "birtwistle"),
        ],
    },
    Tradition {
        given: &[
            ("Jürgen", "juergen"),
            ("Anneliese", "anneliese"),
            ("Götz", "goetz"),
            ("Ursula", "ursula"),
            ("Björn", "bjoern"),
        ],
        family: &[
            ("Weißhaupt", "weisshaupt"),
            ("Grünewald", "gruenewald"),
            ("Söderström", "soederstroem"),
            ("von der Aue", "von-der-aue"),
            ("Kjærgaard", "kjaergaard"),
        ],
    },
    Tradition {
        given: &[
            ("Zoltán", "zoltan"),
            ("Bożena", "bozena"),
            ("Łukasz", "lukasz"),
            ("Květa", "kveta"),
            ("Šárka", "sarka"),
        ],
        family: &[
            ("Wójtowicz", "wojtowicz"),
            ("Dvořáček", "dvoracek"),
            ("Szőllősi", "szollosi"),
            ("Žižkovský", "zizkovsky"),
            ("Đurđević", "djurdjevic"),
        ],
    },
    Tradition {
        given: &[
            ("Inês", "ines"),
            ("João", "joao"),
            ("Begoña", "begona"),
            ("Chloé", "chloe"),
            ("Niccolò", "niccolo"),
        ],
        family: &[
            ("Gonçalves Brandão", "goncalves-brandao"),
            ("Ibáñez", "ibanez"),
            ("Lefèvre", "lefevre"),
            ("D’Agostini", "dagostini"),
            ("Muñoz Peña", "munoz-pena"),
        ],
    },
    Tradition {
        given: &[
            ("Ольга", "olga"),
            ("Дмитро", "dmytro"),
            ("Борис", "boris"),
            ("Надежда", "nadezhda"),
        ],
        family: &[("Кириленко", "kyrylenko"), ("Зимина", "zimina"), ("Щербак", "shcherbak")],
    },
    Tradition {
        given: &[("Ελένη", "eleni"), ("Στέφανος", "stefanos"), ("Μυρτώ", "myrto")],
        family: &[("Καλογήρου", "kalogirou"), ("Παππάς", "pappas"), ("Λαμπράκη", "lampraki")],
    },
    Tradition {
        given: &[("雅婷", "yating"), ("志明", "zhiming"), ("思远", "siyuan"), ("美玲", "meiling")],
        family: &[("歐陽", "ouyang"), ("陈", "chen"), ("林", "lin")],
    },
    Tradition {
        given: &[("さくら", "sakura"), ("健太", "kenta"), ("陽子", "yoko")],
        family: &[("佐々木", "sasaki"), ("高橋", "takahashi"), ("渡邊", "watanabe")],
    },
    Tradition {
        given: &[("ليلى", "layla"), ("يوسف", "yusuf"), ("نور", "nour")],
        family: &[("الحكيم", "alhakim"), ("منصور", "mansour"), ("حداد", "haddad")],
    },
    Tradition {
        given: &[("Nguyệt", "nguyet"), ("Đức", "duc"), ("민준", "minjun"), ("अनिका", "anika")],
        family: &[("Trần", "tran"), ("Đặng", "dang"), ("한", "han"), ("शर्मा", "sharma")],
    },
];

/// Companies, with the domain that their people's addresses are at.
pub(crate) const COMPANIES: [(&str, &str); 20] = [
    ("Birchwell & Sons", "birchwell.example"),
    ("Käferstein Maschinenbau GmbH", "kaeferstein.example"),
    ("Lumen Orchard Ltd", "lumenorchard.example"),
    ("Café Montparnasse S.à r.l.", "cafemontparnasse.example"),
    ("Nordlys Shipping A/S", "nordlys.example"),
    ("Żubr Logistyka Sp. z o.o.", "zubr.example"),
    ("Three Rivers Dental", "threerivers.example"),
    ("Quillfeather Press", "quillfeather.example"),
    ("Pão de Mel Lda", "paodemel.example"),
    ("Atelier Brûlé", "atelierbrule.example"),
    ("Hoshizora 株式会社", "hoshizora.example"),
    ("Copper Kettle, Inc.", "copperkettle.example"),
    ("Svensson & Åberg AB", "svenssonaberg.example"),
    ("Ferreira “Ferro” Steelworks", "ferreiraferro.example"),
    ("Blue Harbour Insurance plc", "blueharbour.example"),
    ("Tatra Optics s.r.o.", "tatraoptics.example"),
    ("Olive & Vine", "oliveandvine.example"),
    ("Mistral Énergie SA", "mistralenergie.example"),
    ("R&D Widgets <Europe>", "rdwidgets.example"),
    ("Granite Peak Outfitters", "granitepeak.example"),
];

/// Positions.
pub(super) const TITLES: [&str; 10] = [
    "Head of Purchasing",
    "Accountant",
    "Managing Director",
    "Werkleiterin",
    "Office Manager",
    "Chef de projet",
    "Sales Representative",
    "IT Administrator",
    "Owner",
    "Research Assistant",
];

/// Street, city, region, postal code, country.
pub(crate) const PLACES: [[&str; 5]; 8] = [
    ["Larkspur Lane", "Leeds", "West Yorkshire", "LS1 9ZZ", "United Kingdom"],
    ["Lindenstraße", "Köln", "Nordrhein-Westfalen", "50000", "Germany"],
    ["Rue des Cerisiers", "Lyon", "Auvergne-Rhône-Alpes", "69000", "France"],
    ["Ulica Źródlana", "Łódź", "Łódzkie", "90-000", "Poland"],
    ["Juniper Avenue", "Portland", "OR", "97200", "United States"],
    ["Calle del Olivo", "Málaga", "Andalucía", "29000", "Spain"],
    ["Björkgatan", "Göteborg", "Västra Götaland", "411 00", "Sweden"],
    ["Rua da Figueira", "São Paulo", "SP", "01000-000", "Brazil"],
];
