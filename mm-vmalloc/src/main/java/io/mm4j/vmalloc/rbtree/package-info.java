// SPDX-License-Identifier: Apache-2.0

/** The allocator of addresses {@code rbtree}: trees, pools and lazy purging, as Linux 6.18. */
@NullMarked
package io.mm4j.vmalloc.rbtree;

import org.jspecify.annotations.NullMarked;
