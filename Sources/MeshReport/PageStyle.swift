extension Page {
    /// The style sheet, with a light and a dark theme. Blue, orange and purple look different with every kind of color
    /// vision, and shapes and words repeat the meaning of each color.
    static let style: Markup = """
        :root{color-scheme:light dark;--paper:#fff;--panel:#f6f7f9;--ink:#1a1f26;--soft:#57606b;--line:#d9dee4;
        --faint:#eceff2;--member:#1f6fc0;--field:#6b9fd4;--idle:#8a94a0;--gone:#a85a00;--bad:#b3261e;--good:#0b6e58;
        --attack:#7a3fc4;
        --heal:#0b6e5814;--down:#1a1f2626;--cut:#7a3fc470}
        @media(prefers-color-scheme:dark){:root{--paper:#0e1217;--panel:#161b22;--ink:#e4e8ed;--soft:#9ba6b2;
        --line:#2d3640;--faint:#1d242c;--member:#5aa2f0;--field:#2d5f97;--idle:#76818d;--gone:#f0a54a;--bad:#ff8278;
        --good:#4cc7a3;
        --attack:#c39bff;--heal:#4cc7a31c;--down:#e4e8ed2b;--cut:#c39bff70}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,
        "Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
        main{max-width:1280px;margin:0 auto;padding:20px 24px 40px}
        code,.kind{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.93em}
        h1{font-size:22px;line-height:1.25;margin:0;font-weight:650}h1::first-letter{text-transform:uppercase}
        h1 span{font-weight:400;overflow-wrap:anywhere}
        h2{font-size:16px;margin:0 0 2px;font-weight:650}h3{font-size:14px;margin:0;font-weight:650}
        p{margin:0}.note,.intro,.label,.unit{color:var(--soft)}.note,.unit{font-size:12px}
        .intro{margin-bottom:8px;max-width:75ch}.none{color:var(--soft);padding:6px 0}
        section{margin-top:34px}.defs{position:absolute}
        header{display:flex;gap:14px;padding:16px;border:1px solid var(--line);border-left:5px solid var(--tone);
        border-radius:6px;background:var(--panel)}
        header .words{min-width:0;flex:1}.badge{flex:none;fill:var(--tone)}
        .good{--tone:var(--good)}.bad{--tone:var(--bad)}.plain{--tone:var(--soft)}
        .verdict path{fill:none;stroke:var(--panel);stroke-width:3.5;stroke-linecap:round;stroke-linejoin:round}
        .verdict .disc{fill:var(--tone);stroke:none}
        header .title{margin:4px 0 8px;overflow-wrap:anywhere}
        .again{display:flex;gap:8px;align-items:baseline}.again .label{flex:none;width:3em;font-size:12px}
        .again code{user-select:all;-webkit-user-select:all}
        .again code span{display:inline-block;max-width:100%;overflow-wrap:anywhere}
        .figures{display:flex;flex-wrap:wrap;gap:1px;margin:14px 0 0;
        background:var(--line);border:1px solid var(--line);border-radius:6px;overflow:hidden}
        .figures div{flex:1 1 112px;display:flex;flex-direction:column;background:var(--paper);padding:9px 12px}
        .figures dt{order:2;font-size:12px}.figures dd{margin:0}.figures .note{order:3;line-height:1.3}
        .figures .long{flex:2 1 190px}.figures .value{font-size:20px;font-weight:600;line-height:1.2}
        .legend{display:flex;flex-wrap:wrap;gap:3px 16px;list-style:none;margin:6px 0 10px;padding:0;font-size:12px;
        color:var(--soft)}
        .legend li,.key{display:inline-flex;align-items:center;gap:5px;white-space:nowrap}
        .strip{display:grid;grid-template-columns:200px minmax(0,1fr)}.gutter{min-width:0;padding-right:10px}
        svg{display:block;overflow:visible}.plot svg{display:inline}
        .strip .plot{border-left:1px solid var(--line)}
        .conditions .strip{min-height:17px}.conditions{margin-bottom:8px}
        .name,.names li{display:block;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-size:12px;
        line-height:16px}
        .conditions .name{white-space:normal;overflow-wrap:anywhere}
        .gutter .note{display:inline;font-size:11px;white-space:nowrap}.conditions .kind{font-size:11px;
        color:var(--soft)}
        .names{list-style:none;margin:0;padding:0}.names.p20 li{line-height:20px}.names.p14 li{line-height:14px;
        font-size:11px}
        .tick{font-size:11px;fill:var(--soft)}.grid{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
        .axis .plot{border-left-color:transparent}.axis .unit{line-height:16px;font-size:11px}
        .lane,.bar,.thin,.curve,.missing{fill:none;vector-effect:non-scaling-stroke}
        .lane{stroke-width:8}.p20 .lane{stroke-width:10}.p14 .lane{stroke-width:7}
        .lane.base{stroke:var(--faint);stroke-width:1}.present{stroke:var(--member)}
        .lane.outside,.p20 .lane.outside{stroke:var(--idle);stroke-width:2}.thin.outside{stroke:var(--line)}
        .lane.missing,.p20 .lane.missing,.p14 .lane.missing{fill:var(--paper);stroke:var(--gone);stroke-width:1.5}
        .thin.present{stroke:var(--field)}.thin.missing{stroke:var(--gone)}
        .hold{stroke:var(--paper);stroke-dasharray:2 3}
        .lane.joins,.p20 .lane.joins,.p14 .lane.joins{stroke:var(--ink);stroke-width:1}
        .thin{stroke-width:1}.p2 .thin{stroke-width:2}.p4 .thin{stroke-width:3}
        .bar{stroke-width:8}.up{stroke:var(--idle);stroke-width:3}.off{stroke:var(--bad);stroke-width:8;
        stroke-dasharray:2 2}
        .bar.hold{stroke:var(--gone)}.split{stroke:var(--attack);stroke-dasharray:4 2}.hostile{stroke:var(--bad);
        stroke-width:6}
        .heals{stroke:var(--good)}.change{stroke:var(--ink);stroke-width:2}
        .healing{fill:var(--heal)}.down{fill:var(--down)}.parted{fill:url(#cut)}.cut{stroke:var(--cut);stroke-width:2}
        .heal{stroke:var(--good);stroke-width:1.5}
        .sign{fill:none;stroke:var(--tone);stroke-width:1.75;stroke-linejoin:round}.sign .rim{stroke:var(--paper);
        stroke-width:4.5}.gone{--tone:var(--gone)}.attack{--tone:var(--attack)}.plain.sign{--tone:var(--ink)}
        .fill{fill:var(--tone);stroke-width:1}.hollow{fill:var(--paper)}
        .caption{margin:12px 0 3px;padding-left:200px;font-size:12px}.caption .key{margin-left:10px;color:var(--soft)}
        .caption b{font-weight:600}.framed{border-bottom:1px solid var(--line)}.scale text{font-size:11px;
        fill:var(--soft);
        text-anchor:end}.scale{margin-right:-10px;width:calc(100% + 10px)}
        .c-main{stroke:var(--member);stroke-width:1.75}.c-second{stroke:var(--ink);stroke-width:1.25;
        stroke-dasharray:4 3}
        .c-area{fill:var(--line);stroke:var(--line);stroke-width:1}.key .c-area{stroke-width:7}
        .c-alarm{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:2 2}
        .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(228px,1fr));gap:14px}
        .card{margin:0;padding:10px 12px;border:1px solid var(--line);border-radius:6px;display:flex;
        flex-direction:column;
        gap:6px;break-inside:avoid}
        figcaption{line-height:1.3;flex:1}.bin{fill:var(--member);stroke:var(--paper);stroke-width:.5}
        .card .axis{stroke:var(--idle)}.quantile{stroke:var(--ink);stroke-width:1.25}.q90{stroke-dasharray:5 3}
        .q99{stroke-dasharray:1.5 2.5}th svg{display:inline-block;margin-right:3px}
        table{border-collapse:collapse;width:100%;font-size:13px}
        th,td{padding:4px 0 4px 12px;text-align:right;vertical-align:top;white-space:nowrap;
        border-top:1px solid var(--faint)}
        th:first-child,td:first-child{text-align:left;padding-left:0}
        thead th{border-top:0;border-bottom:1px solid var(--line);font-weight:400;color:var(--soft);font-size:12px;
        vertical-align:bottom}
        tbody th,tfoot th{font-weight:400;white-space:normal;overflow-wrap:anywhere}
        tfoot th,tfoot td{border-top:1px solid var(--line);font-weight:600}
        .compact th,.compact td{padding:1px 0;border:0}
        .compact{table-layout:fixed}.compact th,.compact td{text-align:left}
        .compact td{font-weight:600}.compact th:first-child{width:23%}
        .compact th{width:25%;color:var(--soft);font-size:12px;vertical-align:baseline}.zero{color:var(--soft)}
        .tag{border:1px solid var(--line);border-radius:3px;padding:0 4px;
        font-size:11px;color:var(--soft)}
        .share{display:inline-block;vertical-align:baseline}.rest{fill:var(--faint)}.part{fill:var(--member)}
        [aria-labelledby=refusals] table{max-width:920px}
        .pair section,[aria-labelledby=refusals]{overflow-x:auto}
        .pair{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:0 36px}
        .attacks{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));gap:18px 36px}
        div.attack{break-inside:avoid}.held{color:var(--good)}.reached{color:var(--bad);font-weight:600}
        summary{cursor:pointer}summary h2{display:inline}.chronicle td,.chronicle th{text-align:left;white-space:normal}
        .chronicle td:first-child,.chronicle th:first-child{text-align:right}
        .chronicle td:first-child,.chronicle tbody th{white-space:nowrap;width:1%}
        footer{margin-top:36px;padding-top:10px;border-top:1px solid var(--line);font-size:12px;color:var(--soft);
        overflow-wrap:anywhere}
        @media(max-width:900px){.pair{grid-template-columns:minmax(0,1fr)}}
        @media(max-width:700px){main{padding:12px 14px 32px}.wide{display:none}section{margin-top:28px}
        .strip{grid-template-columns:76px minmax(0,1fr)}.gutter{padding-right:6px}.scale{margin-right:-6px;
        width:calc(100% + 6px)}
        .caption{padding-left:0}.conditions .strip{grid-template-columns:minmax(0,1fr);padding-left:0}
        .conditions .plot{margin-left:76px;width:calc(100% - 76px)}
        header{padding:12px;gap:10px}h1{font-size:19px}th,td{padding-left:8px}.legend{gap:3px 12px}
        .cards{grid-template-columns:minmax(0,1fr)}.share{display:none}th .note:not(.wide){display:block}}
        @media print{body{font-size:11px;-webkit-print-color-adjust:exact;print-color-adjust:exact}
        main{max-width:none;padding:0}
        section{margin-top:18px}tr{break-inside:avoid}}
        """
}
