/* The user to become when started as root: process.user and process.group. */
#include "config/priv.h"

#include <grp.h>
#include <pwd.h>

bool config_find_user(struct config *c, struct config_error *e)
{
	const struct passwd *user;
	const struct group *group;

	c->uid = (uid_t)-1;
	c->gid = (gid_t)-1;
	if (!*c->process_user)
		return !*c->process_group ||
		       config_fail(e,
				   "\"process.group\" is for \"process.user\", which is not set");
	user = getpwnam(c->process_user);
	if (!user)
		return config_fail(e, "\"process.user\": there is no user %s on this machine",
				   c->process_user);
	if (user->pw_uid == 0)
		return config_fail(e, "\"process.user\" is whom to become instead of root");
	c->uid = user->pw_uid;
	c->gid = user->pw_gid;
	if (!*c->process_group)
		return true;
	group = getgrnam(c->process_group);
	if (!group)
		return config_fail(e, "\"process.group\": there is no group %s on this machine",
				   c->process_group);
	c->gid = group->gr_gid;
	return true;
}
