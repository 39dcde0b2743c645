// SPDX-License-Identifier: Apache-2.0

/** {@code mem_map} as structs of arrays: by section (sparse) and as one array (flat). */
@NullMarked
package io.mm4j.physical.memmap;

import org.jspecify.annotations.NullMarked;
