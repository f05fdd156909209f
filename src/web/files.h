/* Files from memory. */
#ifndef WEB_FILES_H
#define WEB_FILES_H

#include "web/web_priv.h"

/* The file at path; below a path that ends in a slash, its index.html. NULL where there is none, or
 * files is NULL. */
const struct web_file *files_find(const struct web_files *files, struct slice path);

/* Answers a GET or HEAD: the file or the part of it that is asked for, that it has not changed, a
 * redirect to the folder of that name, or 404. */
void files_answer(struct request *r, const struct web_files *files, const struct http1_head *q);

#endif
