// SPDX-License-Identifier: Apache-2.0

/** The allocator of addresses {@code vmlist}: a sorted list, as Linux 2.4 and 2.6. */
@NullMarked
package io.mm4j.vmalloc.vmlist;

import org.jspecify.annotations.NullMarked;
