// SPDX-License-Identifier: Apache-2.0

/** Page tables beside bare walks of the same tables. */
@NullMarked
package io.mm4j.bench.table;

import org.jspecify.annotations.NullMarked;
