// SPDX-License-Identifier: Apache-2.0

/** The roots that there are, and how many tables each has. */
@NullMarked
package io.mm4j.vmalloc.root;

import org.jspecify.annotations.NullMarked;
