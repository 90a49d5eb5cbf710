//! Which requests a rule is about.

use super::{Level, OmitStages};

/// A request, as much of it as a policy can tell apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// The authenticated user, before any impersonation; empty if there is none (a 401).
    pub user: &'a str,
    /// The user's groups.
    pub groups: &'a [&'a str],
    /// The API's verb; of a path, the HTTP method in lower case.
    pub verb: &'a str,
    /// The path; empty if the request is about a resource.
    pub path: &'a str,
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Plural resource.
    pub resource: &'a str,
    /// Empty if none.
    pub subresource: &'a str,
    /// Empty across namespaces.
    pub namespace: &'a str,
    /// Empty if the request is about many, or about one that has no name yet.
    pub name: &'a str,
}

/// Resources of one API group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// The group; empty for the core group.
    pub group: String,
    /// `pods`, `pods/log`, `pods/*`, `*/scale`, `*`; none means all.
    pub resources: Vec<String>,
    /// Names of objects; none means all.
    pub names: Vec<String>,
}

/// One rule of a policy. A list that is empty asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where it stands, from 1.
    pub line: usize,
    /// What is recorded of a request that it matches.
    pub level: Level,
    /// Usernames.
    pub users: Vec<String>,
    /// Groups, one of which the user must have.
    pub groups: Vec<String>,
    /// Verbs.
    pub verbs: Vec<String>,
    /// Resources.
    pub resources: Vec<Resources>,
    /// Namespaces; an empty one stands for requests without.
    pub namespaces: Vec<String>,
    /// Paths that are no resources; a `*` at their end stands for anything.
    pub paths: Vec<String>,
    /// Stages that are not recorded, besides those of the whole policy.
    pub omit_stages: OmitStages,
}

/// Whether a list that asks for nothing, or names `wanted`.
fn allows(list: &[String], wanted: &str) -> bool {
    list.is_empty() || list.iter().any(|one| one == wanted)
}

impl Rule {
    /// Whether it is about `request` (`ruleMatches`).
    #[must_use]
    pub fn matches(&self, request: &Request<'_>) -> bool {
        let has_user = !request.user.is_empty() || (self.users.is_empty() && self.groups.is_empty());
        let in_group = self.groups.is_empty() || request.groups.iter().any(|group| allows(&self.groups, group));
        has_user
            && allows(&self.users, request.user)
            && in_group
            && allows(&self.verbs, request.verb)
            && self.matches_target(request)
    }

    /// Namespaces and resources go first: a rule that names them is about no path.
    fn matches_target(&self, request: &Request<'_>) -> bool {
        let is_resource = request.path.is_empty();
        if !self.namespaces.is_empty() || !self.resources.is_empty() {
            let listed = self.resources.is_empty() || self.resources.iter().any(|some| some.matches(request));
            return is_resource && allows(&self.namespaces, request.namespace) && listed;
        }
        self.paths.is_empty() || !is_resource && self.paths.iter().any(|spec| path_matches(spec, request.path))
    }

    /// Whether it is about every request.
    #[must_use]
    pub fn matches_all(&self) -> bool {
        let lists = [&self.users, &self.groups, &self.verbs, &self.namespaces, &self.paths];
        self.resources.is_empty() && lists.iter().all(|list| list.is_empty())
    }
}

impl Resources {
    fn matches(&self, request: &Request<'_>) -> bool {
        let named = |listed: &String| names_resource(listed, request.resource, request.subresource);
        self.group == request.group
            && (self.resources.is_empty() || allows(&self.names, request.name) && self.resources.iter().any(named))
    }
}

/// Whether `listed` stands for a resource and its subresource; `pods` alone is without subresources, `*` is with them.
fn names_resource(listed: &str, resource: &str, subresource: &str) -> bool {
    match listed.split_once('/') {
        None => listed == "*" || subresource.is_empty() && listed == resource,
        Some((of, "*")) if of == resource => true,
        Some(("*", of)) => !subresource.is_empty() && of == subresource,
        Some(pair) => !subresource.is_empty() && pair == (resource, subresource),
    }
}

fn path_matches(spec: &str, path: &str) -> bool {
    spec == path || spec.ends_with('*') && path.starts_with(spec.trim_end_matches('*'))
}
