//! The report for a person, judged from outside: axe-core in a real browser, over pages that the program wrote.
//!
//! Needs Chromium and the npm package axe-core, whose `axe.min.js` is named by `CONSERVA_AXE` (scripts/prove fetches it).

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::stage::{Stage, repository, said};

/// The judge's script and browser; their absence is said aloud.
fn judge() -> Option<(String, &'static str)> {
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    let browser =
        browsers.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success()));
    let script = std::env::var_os("CONSERVA_AXE").map(PathBuf::from).and_then(|path| std::fs::read_to_string(path).ok());
    match (script, browser) {
        (Some(script), Some(browser)) => Some((script, browser)),
        (script, browser) => {
            let here = |is_here: bool| if is_here { "here" } else { "missing" };
            eprintln!(
                "NOT CHECKED: axe-core over the report (CONSERVA_AXE {}, Chromium {})",
                here(script.is_some()),
                here(browser.is_some())
            );
            None
        }
    }
}

/// What axe-core finds on a page at a width and in a colour scheme: rule and element of each violation, and how many rules
/// passed. The page forbids scripts: the judge stands in a copy without that policy.
fn violations(page: &Path, (script, browser): (&str, &str), (width, scheme): (u32, &str)) -> (Vec<String>, usize) {
    let text = std::fs::read_to_string(page).expect("the page");
    let policy = regex::Regex::new(r#"<meta http-equiv="Content-Security-Policy"[^>]*>"#).expect("a pattern");
    assert!(policy.is_match(&text), "the page forbids scripts");
    let open = policy.replace(&text, "").replace("<details", "<details open").replace(" open open", " open");
    let judged = format!(
        "<script>{script}</script><script>axe.run(document,{{resultTypes:['violations','passes']}}).then(r=>{{document.body.innerHTML='';\
         const pre=document.createElement('pre');pre.id='axe';pre.textContent=JSON.stringify({{passes:r.passes.length,\
         violations:r.violations.flatMap(v=>v.nodes.map(n=>v.id+' '+n.target.join(' ')+' '+n.failureSummary))}});\
         document.body.append(pre)}})</script></body>"
    );
    let copy = page.with_extension("judged.html");
    std::fs::write(&copy, open.replace("</body>", &judged)).expect("written");
    let profile = page.with_extension("profile");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--window-size={width},1000"))
        .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(scheme != "dark")))
        .args(["--virtual-time-budget=120000", "--dump-dom"])
        .arg(format!("file://{}", copy.display()))
        .output()
        .expect("the browser runs");
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = dom.split_once("<pre id=\"axe\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (json, _) = found.unwrap_or_else(|| panic!("the judge gave no verdict: {}", said(&output)));
    let json = json.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let verdict: Value = serde_json::from_str(&json).expect("json");
    let found = verdict["violations"].as_array().expect("a list").iter().map(|v| v.as_str().unwrap_or_default().to_owned());
    (found.collect(), verdict["passes"].as_u64().unwrap_or(0) as usize)
}

#[test]
fn the_report_is_one_that_axe_core_finds_no_fault_with() {
    let Some((script, browser)) = judge() else { return };
    let stage = Stage::with_archive();
    let mut paths = Vec::new();
    for name in ["due-pagine.tif", "nativo.pdf"] {
        let path = stage.put(&repository().join("tests/fixtures/drill").join(name), &format!("scans/{name}"));
        paths.push(path.to_string_lossy().into_owned());
    }
    let args: Vec<&str> = std::iter::once("ingest").chain(paths.iter().map(String::as_str)).collect();
    stage.json(&args, &[0, 1]);
    for row in stage.json(&["list"], &[0]).iter().filter(|row| row["state"] == "held") {
        let sets = "tipo=lettera,voce=I.8,mittente=Ufficio Prove,oggetto=Prova,protocollo=0000123/2024 2024-03-12 E";
        let mut args = vec!["review", row["id"].as_str().expect("an id"), "--approve"];
        sets.split(',').for_each(|set| args.extend(["--set", set]));
        stage.json(&args, &[0]);
    }
    let package = stage.json(&["package"], &[0])[0]["path"].as_str().expect("a path").to_owned();
    // The same with one bit turned: a page with findings.
    let broken = stage.path("rotto.zip");
    let mut bytes = std::fs::read(&package).expect("the package");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&broken, bytes).expect("written");
    for (name, package, lang) in [("intero", package.as_str(), "it"), ("rotto", broken.to_str().expect("a path"), "en")] {
        let page = stage.path(&format!("{name}.html"));
        let output = stage.run(&["inspect", package, "--lang", lang, "--html", page.to_str().expect("a path")]);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
        for view in [(1400, "light"), (1400, "dark"), (380, "light")] {
            let (found, passes) = violations(&page, (&script, browser), view);
            assert!(passes >= 15, "{name} {view:?}: the judge looked at {passes} rules only");
            assert!(found.is_empty(), "{name} {view:?}: {found:#?}");
        }
    }
    // The page of a package for a reader.
    let (stage, _, fascicolo) = super::access::archive();
    let row = &stage.json(&["package", "--access", "--fascicolo", &fascicolo], &[0])[0];
    let folder = stage.path("consegna");
    let page = super::access::unpacked(Path::new(row["path"].as_str().expect("a path")), &folder);
    for view in [(1400, "light"), (1400, "dark"), (380, "light")] {
        let (found, passes) = violations(&page, (&script, browser), view);
        assert!(passes >= 15, "{view:?}: the judge looked at {passes} rules only");
        assert!(found.is_empty(), "{view:?}: {found:#?}");
    }
    eprintln!("axe-core: no violation on 3 pages in 3 views");
}
