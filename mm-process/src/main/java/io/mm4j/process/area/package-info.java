// SPDX-License-Identifier: Apache-2.0
/** Placement: where a mapping goes ({@code get_unmapped_area} and the layouts). */
@NullMarked
package io.mm4j.process.area;

import org.jspecify.annotations.NullMarked;
