// SPDX-License-Identifier: Apache-2.0

/** Entries as bytes in RAM, and the walk over them. */
@NullMarked
package io.mm4j.vmalloc.entry;

import org.jspecify.annotations.NullMarked;
