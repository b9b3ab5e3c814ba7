// Made from resources/ by `cargo run -p ripple-deploy`.
export const NAMES = ["prj","task"];
export const SUMMARIES = "[[\"prj\",\"{site}_prj\",\"prj_id\",\"version\",\"updated_at\",\"updated_by\",\"deleted\",\"a project\",\"prj_id\",\"90\",\"\",\"\",\"\",\"1\",\"\",\"\",\"name\",\"goal\",\"issue\",\"description\",\"term\",\"term_unit\",\"create_date\"],[\"task\",\"{site}_task\",\"ref\",\"version\",\"updated_at\",\"updated_by\",\"deleted\",\"a task\",\"ref\",\"90\",\"\",\"\",\"\",\"\",\"\",\"\",\"subject\",\"details\",\"state\",\"size\",\"cost\",\"due\",\"labels\",\"place\",\"steps\"]]";
