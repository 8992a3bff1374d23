#include "CConsole.h"

// The compiler keeps track of the files: a change of one rebuilds this. A test compares the list with the folder.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char advice_js[] = {
#embed "../../console/advice.js"
};
static const unsigned char api_js[] = {
#embed "../../console/api.js"
};
static const unsigned char app_js[] = {
#embed "../../console/app.js"
};
static const unsigned char apply_js[] = {
#embed "../../console/apply.js"
};
static const unsigned char cards_js[] = {
#embed "../../console/cards.js"
};
static const unsigned char changes_js[] = {
#embed "../../console/changes.js"
};
static const unsigned char counters_js[] = {
#embed "../../console/counters.js"
};
static const unsigned char detail_js[] = {
#embed "../../console/detail.js"
};
static const unsigned char diff_js[] = {
#embed "../../console/diff.js"
};
static const unsigned char dom_js[] = {
#embed "../../console/dom.js"
};
static const unsigned char edit_js[] = {
#embed "../../console/edit.js"
};
static const unsigned char facts_js[] = {
#embed "../../console/facts.js"
};
static const unsigned char form_js[] = {
#embed "../../console/form.js"
};
static const unsigned char history_js[] = {
#embed "../../console/history.js"
};
static const unsigned char hosts_js[] = {
#embed "../../console/hosts.js"
};
static const unsigned char icon_svg[] = {
#embed "../../console/icon.svg"
};
static const unsigned char index_html[] = {
#embed "../../console/index.html"
};
static const unsigned char login_js[] = {
#embed "../../console/login.js"
};
static const unsigned char pages_css[] = {
#embed "../../console/pages.css"
};
static const unsigned char picture_css[] = {
#embed "../../console/picture.css"
};
static const unsigned char picture_js[] = {
#embed "../../console/picture.js"
};
static const unsigned char ports_js[] = {
#embed "../../console/ports.js"
};
static const unsigned char report_js[] = {
#embed "../../console/report.js"
};
static const unsigned char routes_js[] = {
#embed "../../console/routes.js"
};
static const unsigned char search_js[] = {
#embed "../../console/search.js"
};
static const unsigned char state_js[] = {
#embed "../../console/state.js"
};
static const unsigned char store_js[] = {
#embed "../../console/store.js"
};
static const unsigned char style_css[] = {
#embed "../../console/style.css"
};
static const unsigned char switches_js[] = {
#embed "../../console/switches.js"
};
static const unsigned char table_js[] = {
#embed "../../console/table.js"
};
static const unsigned char topology_js[] = {
#embed "../../console/topology.js"
};
static const unsigned char trace_js[] = {
#embed "../../console/trace.js"
};
static const unsigned char yaml_js[] = {
#embed "../../console/yaml.js"
};

#define FILE(name, bytes) {name, bytes, sizeof bytes}

static const struct cconsole_file files[] = {
    FILE("advice.js", advice_js),
    FILE("api.js", api_js),
    FILE("app.js", app_js),
    FILE("apply.js", apply_js),
    FILE("cards.js", cards_js),
    FILE("changes.js", changes_js),
    FILE("counters.js", counters_js),
    FILE("detail.js", detail_js),
    FILE("diff.js", diff_js),
    FILE("dom.js", dom_js),
    FILE("edit.js", edit_js),
    FILE("facts.js", facts_js),
    FILE("form.js", form_js),
    FILE("history.js", history_js),
    FILE("hosts.js", hosts_js),
    FILE("icon.svg", icon_svg),
    FILE("index.html", index_html),
    FILE("login.js", login_js),
    FILE("pages.css", pages_css),
    FILE("picture.css", picture_css),
    FILE("picture.js", picture_js),
    FILE("ports.js", ports_js),
    FILE("report.js", report_js),
    FILE("routes.js", routes_js),
    FILE("search.js", search_js),
    FILE("state.js", state_js),
    FILE("store.js", store_js),
    FILE("style.css", style_css),
    FILE("switches.js", switches_js),
    FILE("table.js", table_js),
    FILE("topology.js", topology_js),
    FILE("trace.js", trace_js),
    FILE("yaml.js", yaml_js),
};

unsigned long cconsole_file_count(void) { return sizeof files / sizeof files[0]; }

struct cconsole_file cconsole_file(unsigned long index) { return files[index]; }
