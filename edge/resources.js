// Made from resources/ by `cargo run -p ripple-deploy`.
export const NAMES = ["prj","task"];
export const SUMMARIES = "prj\t{site}_prj\tprj_id\tversion\tupdated_at\tupdated_by\tupdated_author\tdeleted\ta project\tprj_id\t90\t\t\t\t1\t\t\t\t\tname\tgoal\tissue\tdescription\tterm\tterm_unit\tcreate_date\ntask\t{site}_task\tref\tversion\tupdated_at\tupdated_by\tupdated_author\tdeleted\ta task\tref\t90\t\t\t\t\t\t\t\t\tsubject\tdetails\tstate\tsize\tcost\tdue\tlabels\tplace\tsteps";
