// SPDX-License-Identifier: Apache-2.0

/** Recordings of where a kernel placed vmalloc areas. */
@NullMarked
package io.mm4j.replay.vmap;

import org.jspecify.annotations.NullMarked;
